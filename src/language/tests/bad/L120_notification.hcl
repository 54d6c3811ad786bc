notification "slack" "dev" {}
