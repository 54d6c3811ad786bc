job "a" { concurrency = -1 }
job "b" { concurrency = 5000000000 }
