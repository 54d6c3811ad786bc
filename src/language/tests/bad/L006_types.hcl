resource "cron" "c" {
  tags   = "linux"
  cache  = "maybe"
  params = 3
}

variable "n" {
  type    = number
  default = "many"
}

job "build" {
  concurrency    = 1.5
  timeout        = ["1h"]
  on_worker_loss = "retri"
  public         = 3
  tags           = [["a"], "b"]
  get "cron" "c" {
    version  = "newest"
    attempts = -1
    passed   = { a = 1 }
  }
  task "t" {
    env = "A=b"
    run "exec" {
      path = ["sh"]
      args = "x"
    }
  }
}
