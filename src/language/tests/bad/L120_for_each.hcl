job "build" {
  for_each = toset(["a"])
}
job "other" {
  description = each.key
}
