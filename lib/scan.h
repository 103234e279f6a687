/*
 * The search that reading a text in quotes is made of, sixteen bytes at a time.
 */
#ifndef CCM_SCAN_H
#define CCM_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The next byte that is a quote, a backslash, a control character or not
 * ASCII. The text's last byte is followed by a control character, so the
 * search needs no bound; it reads up to 15 bytes beyond that one.
 */
static inline const char *
scan_special(const char *at)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (;; at += 16) {
		__m128i bytes = _mm_loadu_si128((const void *)at);
		/* As signed bytes, what is not ASCII is below a blank too. */
		__m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
		    _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
			_mm_cmpeq_epi8(bytes, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(special);

		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
#else
	while ((signed char)*at >= ' ' && *at != '"' && *at != '\\')
		at++;
	return at;
#endif
}

#endif
