-- One metric a request; METRICS in the environment: so many.
local metric = '{"name":"cpu_usage","value":75.5,"timestamp":1756900800000,' ..
	'"tags":{"host":"server1","environment":"production"},"profileId":"profile123"}'
local count = tonumber(os.getenv("METRICS") or "1")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"metrics":[' .. metric .. string.rep("," .. metric, count - 1) .. "]}"
