module registry-proxy-bench

go 1.19
