package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	expected = 10              // requests of one size that are to come within a second
	maxWait  = 5 * time.Second // for a lease, while the server is away
)

// Denied says that the window has not enough left.
type Denied struct{ RetryAfter time.Duration }

func (d *Denied) Error() string { return fmt.Sprintf("denied; come back in %v", d.RetryAfter) }

// amount is tokens and requests, always both.
type amount struct {
	Tokens   int64 `json:"tokens"`
	Requests int64 `json:"requests"`
}

// lease is what this process may spend, until when, and what it has told of it so far.
type lease struct {
	id   string
	left amount
	ends time.Time
	// Running totals: they only grow, so a message that comes twice or late changes nothing.
	given, used, overrun amount
	isOver               bool
}

// covers looks at both clocks of Go: the monotonic one stands still while the machine sleeps, the
// wall clock does not.
func (l *lease) covers(tokens int64) bool {
	now := time.Now()
	isAlive := now.Before(l.ends) && now.Round(0).Before(l.ends.Round(0))
	return isAlive && l.left.Tokens >= tokens && l.left.Requests >= 1
}

// Deployment hands out permits of one deployment. It may be used by many goroutines.
type Deployment struct {
	url, id, holder, token string
	http                   http.Client
	mutex                  sync.Mutex // also: one acquire at a time, however many requests wait
	lease                  *lease
	deniedUntil            time.Time
}

// Permit is what was drawn for one request.
type Permit struct {
	deployment *Deployment
	lease      *lease
	tokens     int64
}

// NewDeployment makes a holder: a name and an id made now, so that no two processes are one.
func NewDeployment(url, id, holder, token string) *Deployment {
	standsBy := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := http.Client{Timeout: 2 * time.Second, CheckRedirect: standsBy}
	url = strings.TrimRight(url, "/")
	return &Deployment{url: url, id: id, holder: holder + "/" + randomID(), token: token, http: client}
}

// Draw takes tokens and one request; it asks the server only when the lease does not cover them.
func (d *Deployment) Draw(tokens int64) (*Permit, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.lease == nil || !d.lease.covers(tokens) {
		if err := d.renew(tokens); err != nil {
			return nil, err
		}
	}
	d.lease.left.Tokens -= tokens
	d.lease.left.Requests--
	return &Permit{d, d.lease, tokens}, nil
}

// Settle tells the real usage. Without it the whole permit stays charged.
func (p *Permit) Settle(used int64) {
	d, l := p.deployment, p.lease
	d.mutex.Lock()
	defer d.mutex.Unlock()
	rest := p.tokens - used
	switch {
	case rest < 0: // more than was drawn: out of the lease, and what it cannot cover is told
		taken := min(-rest, l.left.Tokens)
		l.left.Tokens -= taken
		l.overrun.Tokens += -rest - taken
		used = p.tokens + taken
	case l.isOver:
		l.given.Tokens += rest
	default:
		l.left.Tokens += rest
	}
	l.used.Tokens += used
	l.used.Requests++
	if l.isOver {
		d.tell(l)
	}
}

// Close gives back what is left.
func (d *Deployment) Close() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.endLease()
}

func (d *Deployment) renew(tokens int64) error {
	if left := time.Until(d.deniedUntil); left > 0 {
		return &Denied{left} // a denial is remembered: no message until it is over
	}
	d.endLease()
	answer, sent, err := d.acquire(tokens)
	if err != nil {
		return err
	}
	switch {
	case answer.status == http.StatusTooManyRequests:
		wait := time.Duration(answer.RetryAfterMS) * time.Millisecond
		d.deniedUntil = time.Now().Add(wait)
		return &Denied{wait}
	case answer.status != http.StatusCreated:
		return answer.problem()
	}
	// Counted from before the request was sent, less 0.1 % for clocks that differ and 5 ms.
	life := time.Duration(answer.ExpiresInMS)*time.Millisecond*999/1000 - 5*time.Millisecond
	d.lease = &lease{id: answer.LeaseID, left: answer.amount, ends: sent.Add(life)}
	if !d.lease.covers(tokens) {
		return &Denied{100 * time.Millisecond} // so long on its way; the next draw gives it back
	}
	return nil
}

// endLease takes the rest out of the lease, for good, and then gives it back.
func (d *Deployment) endLease() {
	l := d.lease
	if l == nil {
		return
	}
	d.lease, l.isOver = nil, true
	l.given.Tokens += l.left.Tokens
	l.given.Requests += l.left.Requests
	l.left = amount{}
	d.tell(l)
}

func randomID() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err) // without randomness nobody is told from another
	}
	return hex.EncodeToString(bytes)
}
