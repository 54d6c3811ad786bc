# A page flattened this file: no indentation at all. ünïcödé in a comment.
service_type "db" {
params = ["version", "password",]
start "exec" {
path = "/bin/sh"
args = [
"-ec",
<<-EOT
NAME="db-${BUILD_JOB_NAME}"
docker run -d --name "$NAME" \
-e "P=$param_password" \
postgres:$param_version
EOT
]
}
ready_check "exec" {
path = "/bin/sh"
args = ["-ec", "nc -z localhost 5432"]
interval = "2s"
timeout = "30s" // both
}
stop "exec" {
path = "/bin/sh"
args = ["-ec", "docker rm -f db-${BUILD_JOB_NAME} 2>/dev/null || true"]
}
}
service_type "plain" {
start "exec" {
path = "true"
}
stop "exec" {}
}
service_type "quick" {
process "exec" { path = "serve" }
ready_check "exec" {
path = "true"
timeout = "10s"
}
}
job "test" {
service "db" {
version = "16"
password = "x"
}
service "plain" {}
service "plain" "second" {}
service "quick" {}
task "t" {
run "exec" { path = "true" }
}
}
