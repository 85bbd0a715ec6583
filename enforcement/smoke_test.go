package enforcement_test

import (
	"fmt"
	"net/http"
	"testing"

	"gatehouse/models"
	"gatehouse/models/limit"
)

func TestSmoke(t *testing.T) {
	w := newWorld()
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.RequestURI, r.Header) })
	st := w.addAPI("echo", u.url+"/base", "GET /a/{x}", "open GET /b")
	plan := w.addPlan("Free", func(t *models.Terms) { throttle(10, 2)(t); quota(5, limit.PeriodDay)(t) }, st)
	_, value := w.addKey(plan)
	g := w.gateway(t)
	for range 4 {
		r := in(g, "GET", "/echo/prod/a/b%7e/?q=1", value)
		fmt.Println(r.Code, r.Header(), r.Body)
	}
	r := in(g, "GET", "/echo/prod/b?q=1", "")
	fmt.Println(r.Code, r.Header(), r.Body)
	drain(t, g)
	fmt.Println(w.cells, w.charged, w.levels)
}
