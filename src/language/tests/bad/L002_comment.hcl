job "a" {}
/* never closed
