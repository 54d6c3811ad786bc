variable "dir" {}

job "store" {
  service "redis" {
    port = "0"
  }
  task "use" {
    run "shell" { cmd = "echo $(redis-cli -h $SERVICE_REDIS_HOST -p $SERVICE_REDIS_PORT ping) docker; until [ -e ${var.dir}/go ]; do sleep 0.05; done" }
  }
}

job "task" {
  task "inside" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "sleep 1000"
    }
  }
}
