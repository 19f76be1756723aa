module example.org/tokenlease/client

go 1.22
