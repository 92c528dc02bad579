package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// metrics are what Prometheus is told. Every label is of a bounded set.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	requests *prometheus.HistogramVec
	// ceremonies by what the site made of the answer, and those that ended in a browser.
	ceremonies *prometheus.HistogramVec
	clients    *prometheus.CounterVec
	store      *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_events_total", Help: "Decisions: what happened, by which method, and why.",
		}, []string{"kind", "method", "reason"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_request_duration_seconds", Help: "Time to answer a request, by the pattern of its route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		ceremonies: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_ceremony_duration_seconds", Help: "Time from the start of a WebAuthn ceremony to its answer, most of it the person's, by what became of it.",
			Buckets: []float64{.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300},
		}, []string{"ceremony", "outcome"}),
		clients: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_client_outcomes_total", Help: "Ceremonies that ended in the browser, such as by Cancel, as latchkey.js tells.",
		}, []string{"ceremony", "outcome"}),
	}
	m.store = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "latchkey_store_duration_seconds", Help: "Time that the database took, waiting for a connection and for the commit included.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 10},
	}, []string{"what", "outcome"})
	m.registry.MustRegister(m.events, m.requests, m.ceremonies, m.clients, m.store, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// event counts a decision. Its reason is one of a bounded set of words.
func (m *metrics) event(_ context.Context, e account.Event) {
	m.events.WithLabelValues(string(e.Kind), string(e.Method), e.Reason).Inc()
}

// ceremony counts what became of one.
func (m *metrics) ceremony(c signin.Ceremony) {
	if c.Client {
		m.clients.WithLabelValues(c.Kind, c.Outcome).Inc()
		return
	}
	m.ceremonies.WithLabelValues(c.Kind, c.Outcome).Observe(c.Took.Seconds())
}

// watch has the work and the pools of a store counted.
func (m *metrics) watch(store *sqlstore.Store) {
	store.Watch(func(w sqlstore.Watched) { m.store.WithLabelValues(w.What, w.Outcome).Observe(w.Took.Seconds()) })
	for name, db := range store.Pools() {
		m.registry.MustRegister(collectors.NewDBStatsCollector(db, name))
	}
}

// request counts an answer. An unmatched path has the empty pattern or the catch-all's.
func (m *metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// handler serves /metrics, and the profiles where they are asked for.
func (m *metrics) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// listenMetrics opens the listener of the metrics; nil where none is asked for.
func listenMetrics(ctx context.Context, s settings.Settings) (net.Listener, error) {
	if s.MetricsListen == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.MetricsListen)
	if err != nil {
		return nil, hinted{errors.Join(errors.New("METRICS_LISTEN"), err), "stop what listens there, or give another address"}
	}
	return l, nil
}

// serveMetrics serves them until the function that it returns is called.
func serveMetrics(l net.Listener, h http.Handler, log *slog.Logger) (stop func()) {
	if l == nil {
		return func() {}
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: served.header, IdleTimeout: served.idle, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "error", err.Error())
		}
	}()
	log.Info("metrics", "listen", l.Addr().String())
	return func() {
		if err := srv.Close(); err != nil {
			log.Error("metrics", "error", err.Error())
		}
		<-done
	}
}
