job "build" {
  description = "${name} ${ tag } and ${var}"
  timeout     = duration
  tags        = [for x in ["a"] : y]
}
