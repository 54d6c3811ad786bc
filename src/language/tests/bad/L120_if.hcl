job "build" {
  if "x" { condition = "1" }
}
