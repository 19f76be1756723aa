// A small client of the lease API: Go's standard library, nothing else.
//
//	go run . -requests 40 -reserve 15 -use 10 http://127.0.0.1:7700 demo
//
// The token, where the server wants one, is in QUOTA_TOKEN. lease.go is the part to take over.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"time"
)

func main() {
	requests := flag.Int("requests", 40, "how many")
	reserve := flag.Int64("reserve", 15, "tokens drawn for each")
	use := flag.Int64("use", 10, "tokens that each really uses")
	every := flag.Duration("every", 0, "time between two of them")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("give the server's URL and the deployment")
	}
	deployment := NewDeployment(flag.Arg(0), flag.Arg(1), "example-go", os.Getenv("QUOTA_TOKEN"))
	var told struct {
		Passed       int   `json:"passed"`
		Denied       int   `json:"denied"`
		RetryAfterMS int64 `json:"retry_after_ms"`
	}
	for range *requests {
		permit, err := deployment.Draw(*reserve)
		var denied *Denied
		if errors.As(err, &denied) {
			told.Denied++
			told.RetryAfterMS = denied.RetryAfter.Milliseconds()
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		// Here the request goes to the provider, whose answer tells what it used.
		permit.Settle(*use)
		told.Passed++
		time.Sleep(*every)
	}
	deployment.Close()
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		log.Fatal(err)
	}
}
