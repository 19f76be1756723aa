package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// answer is a lease or a problem document; of each the fields that are needed here.
type answer struct {
	status int
	amount
	LeaseID      string `json:"lease_id"`
	ExpiresInMS  int64  `json:"expires_in_ms"`
	RetryAfterMS int64  `json:"retry_after_ms"`
	Code         string `json:"code"`
	Detail       string `json:"detail"`
}

func (a *answer) problem() error { return fmt.Errorf("%s: %s", a.Code, a.Detail) }

func (a *answer) isTrouble() bool {
	return a.status == 307 || a.status == 408 || a.status == 500 || a.status == 503
}

type object map[string]any

// acquire asks for a lease, and tells when it asked the time that was answered.
func (d *Deployment) acquire(tokens int64) (*answer, time.Time, error) {
	return d.call("/v1/leases", maxWait, object{
		"deployment": d.id,
		"holder":     d.holder,
		// One for each lease that is wanted. Every retry bears the same, so a lost answer costs
		// nothing: the server finds the lease again.
		"request_id": randomID(),
		"tokens":     object{"min": tokens, "want": tokens * expected},
		"requests":   object{"min": 1, "want": expected},
	})
}

// tell reports the running totals. What the server does not hear of stays charged: safe.
func (d *Deployment) tell(l *lease) {
	_, _, _ = d.call("/v1/leases/batch", time.Second, object{
		"holder": d.holder,
		"give_back": []object{{
			"lease_id": l.id, "tokens": l.given.Tokens, "requests": l.given.Requests, "closed": true,
		}},
		"used": []object{{
			"lease_id": l.id, "tokens": l.used.Tokens, "requests": l.used.Requests, "overrun": l.overrun,
		}},
	})
}

// call sends the same message until there is an answer.
func (d *Deployment) call(path string, wait time.Duration, message object) (*answer, time.Time, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, time.Time{}, err
	}
	for until := time.Now().Add(wait); ; {
		sent, pause := time.Now(), 100*time.Millisecond
		answer, err := d.post(path, body)
		if err == nil && !answer.isTrouble() {
			return answer, sent, nil
		}
		if err == nil {
			err = answer.problem()
			pause = max(pause, time.Duration(answer.RetryAfterMS)*time.Millisecond)
		}
		if time.Now().Add(pause).After(until) {
			return nil, sent, err
		}
		time.Sleep(pause)
	}
}

func (d *Deployment) post(path string, body []byte) (*answer, error) {
	request, err := http.NewRequest(http.MethodPost, d.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	response, err := d.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusTemporaryRedirect { // a standby names the active server
		d.url = strings.TrimSuffix(response.Header.Get("Location"), path)
	}
	answer := &answer{status: response.StatusCode}
	return answer, json.NewDecoder(response.Body).Decode(answer)
}
