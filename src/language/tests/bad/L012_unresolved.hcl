resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


variable "v" {
  secret "vaullt" {
    path = "p"
    key  = "k"
  }
}

resource "gitt" "lib" {}

job "build" {
  get "git" "ap" {}
  put "s3" "bucket" {}
  service "postgress" {}
  task "t" {
    run "dokcer" {}
  }
  get "git" "app" {
    passed = ["test"]
  }
}
job "tests" {}
