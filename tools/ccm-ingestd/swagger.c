#include "swagger.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

#define CSS "swagger-ui.css"
#define BUNDLE "swagger-ui-bundle.js"
#define ROOT "/swagger-ui"
/* The bundle has 1.5 MB. */
#define FILE_BYTES_MAX ((size_t)8 << 20)

/* Paths are relative, for a proxy that serves us below one of its own. */
static const char page[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<title>ccm-ingestd</title>\n"
    "<link rel=\"stylesheet\" href=\"swagger-ui/" CSS "\">\n"
    "<div id=\"swagger-ui\"></div>\n"
    "<script src=\"swagger-ui/" BUNDLE "\"></script>\n"
    "<script src=\"swagger-ui/start.js\"></script>\n"
    "</html>\n";
static const char start[] = "SwaggerUIBundle({url: \"openapi.json\", "
			    "dom_id: \"#swagger-ui\", validatorUrl: null});\n";

static const struct asset {
	const char *path, *type;
	const char *text; /* NULL: it is a file */
} assets[] = {{ROOT, "text/html; charset=utf-8", page},
    {ROOT "/start.js", "text/javascript; charset=utf-8", start},
    {ROOT "/" CSS, "text/css; charset=utf-8", NULL},
    {ROOT "/" BUNDLE, "text/javascript; charset=utf-8", NULL}};

/* NULL: none has that path. */
static const struct asset *
find(const char *path)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

static bool
read_asset(const char *directory, const char *name, struct buf *text)
{
	struct buf path = BUF_INIT;
	bool good;

	buf_printf(&path, "%s/%s", directory, name);
	good = read_file(buf_terminate(&path), FILE_BYTES_MAX, text);
	buf_free(&path);
	return good;
}

static bool
is_installed(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && faccessat(fd, CSS, R_OK, 0) == 0 &&
	    faccessat(fd, BUNDLE, R_OK, 0) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static void
respond(struct http_exchange *exchange, const struct asset *asset,
    const char *text, size_t len)
{
	http_add_header(exchange, "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; "
	    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'");
	http_add_header(exchange, "X-Content-Type-Options", "nosniff");
	http_respond(exchange,
	    &(struct http_answer){
		.status = 200, .type = asset->type, .body = text, .len = len});
}

void
swagger_get(const char *directory, struct http_exchange *exchange)
{
	const struct asset *asset = find(exchange->request.path);
	struct buf file = BUF_INIT;

	if (!is_installed(directory))
		http_respond_problem(exchange, 404,
		    "Swagger UI is not installed: put " CSS " and " BUNDLE
		    " of the npm package swagger-ui-dist into "
		    "share/ccm/swagger-ui, beside the bin directory of "
		    "ccm-ingestd; /openapi.json describes the API without it",
		    NULL);
	else if (asset != NULL && asset->text != NULL)
		respond(exchange, asset, asset->text, strlen(asset->text));
	else if (asset != NULL &&
	    read_asset(directory, asset->path + strlen(ROOT "/"), &file))
		respond(exchange, asset, file.data, file.len);
	else
		http_respond_problem(
		    exchange, 404, "there is no such file", NULL);
	buf_free(&file);
}
