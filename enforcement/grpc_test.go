package enforcement_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/enforcement"
	"gatehouse/models"
)

type text = wrapperspb.StringValue

// grpcUpstream is a gRPC server with one method of each kind. "fail" makes it fail, "wait" makes it wait for the deadline.
func grpcUpstream(t testing.TB) (address string) {
	t.Helper()
	act := func(ctx context.Context, in *text) (*text, error) {
		switch in.Value {
		case "fail":
			return nil, status.Error(codes.FailedPrecondition, "it was asked to fail: é")
		case "wait":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		md, _ := metadata.FromIncomingContext(ctx)
		if len(md["x-api-key"]) > 0 || len(md["x-api-key-id"]) != 1 {
			return nil, status.Errorf(codes.Internal, "the key arrived: %v", md)
		}
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-sum", "42"))
		return wrapperspb.String(strings.ToUpper(in.Value)), nil
	}
	each := func(_ any, s grpc.ServerStream) error {
		for {
			in := &text{}
			switch err := s.RecvMsg(in); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			out, err := act(s.Context(), in)
			if err == nil {
				err = s.SendMsg(out)
			}
			if err != nil {
				return err
			}
		}
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := &text{}
			if err := decode(in); err != nil {
				return nil, err
			}
			return act(ctx, in)
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Bidi", ClientStreams: true, ServerStreams: true, Handler: each},
			{StreamName: "Collect", ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
				var all []string
				for in := (&text{}); ; {
					if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
						return s.SendMsg(wrapperspb.String(strings.Join(all, " ")))
					} else if err != nil {
						return err
					}
					all = append(all, in.Value)
				}
			}},
			{StreamName: "Count", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
				in := &text{}
				if err := s.RecvMsg(in); err != nil {
					return err
				}
				for range 100 {
					if err := s.SendMsg(in); err != nil {
						return err
					}
				}
				return status.Error(codes.OutOfRange, "no more")
			}},
		},
	}, struct{}{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// overGRPC is a gateway that speaks HTTP/2 without TLS, before a gRPC server, and a connection to it. Methods begin with prefix.
func overGRPC(t testing.TB) (o *one, c *grpc.ClientConn, ctx context.Context) {
	t.Helper()
	o = newOne(t, nil)
	o.clock = nil
	address := grpcUpstream(t)
	o.world.stage(func() {
		o.stage.Upstream = "h2c://" + address
		o.stage.Methods = append(o.stage.Methods, o.method("POST /{proxy+}"))
	})
	o.g = o.gateway(t)
	s := httptest.NewUnstartedServer(o.g)
	s.Config = enforcement.NewServer(o.g, slog.New(slog.DiscardHandler))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Listener = listen(t, s.Config, o.g, s.Listener, isFast())
	s.Start()
	t.Cleanup(s.Close)
	c, err := grpc.NewClient(s.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "x-api-key", o.value), time.Minute)
	t.Cleanup(cancel)
	return o, c, ctx
}

const echoService = "/echo/prod/test.Echo/"

func TestGRPCCallsPassWithStatusAndTrailers(t *testing.T) {
	o, c, ctx := overGRPC(t)
	out, trailer := &text{}, metadata.MD{}
	if err := c.Invoke(ctx, echoService+"Unary", wrapperspb.String("hello"), out, grpc.Trailer(&trailer)); err != nil || out.Value != "HELLO" || trailer.Get("x-sum")[0] != "42" {
		t.Errorf("unary: %q, %v, trailer %v", out.Value, err, trailer)
	}
	err := c.Invoke(ctx, echoService+"Unary", wrapperspb.String("fail"), out)
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "it was asked to fail: é" {
		t.Errorf("a status alone: %v", err)
	}
	soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	// The upstream knows the deadline too, and may give up first: then there is no answer to pass on.
	if err := c.Invoke(soon, echoService+"Unary", wrapperspb.String("wait"), out); status.Code(err) != codes.DeadlineExceeded && status.Code(err) != codes.Unavailable {
		t.Errorf("a deadline: %v", err)
	}
	if err := c.Invoke(metadata.NewOutgoingContext(ctx, nil), echoService+"Unary", wrapperspb.String("hello"), out); status.Code(err) != codes.PermissionDenied {
		t.Errorf("without a key: %v", err)
	}
	ends := o.counted(t, 3)
	if ends[models.OutcomeSuccess] < 2 { // a status of gRPC is a 200 of HTTP
		t.Errorf("ended as %v", ends)
	}
}

func TestGRPCStreamsPassBothWaysMessageByMessage(t *testing.T) {
	_, c, ctx := overGRPC(t)
	bidi, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, echoService+"Bidi")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b", strings.Repeat("c", 100<<10)} {
		out := &text{}
		if err := bidi.SendMsg(wrapperspb.String(want)); err != nil {
			t.Fatal(err)
		}
		// The next message is not sent before this one has come back.
		if err := bidi.RecvMsg(out); err != nil || out.Value != strings.ToUpper(want) {
			t.Fatalf("got %.10q, %v", out.Value, err)
		}
	}
	if err := bidi.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := bidi.RecvMsg(&text{}); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}

	collect, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, echoService+"Collect")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"a", "b", "c"} {
		if err := collect.SendMsg(wrapperspb.String(s)); err != nil {
			t.Fatal(err)
		}
	}
	out := &text{}
	if err := errors.Join(collect.CloseSend(), collect.RecvMsg(out)); err != nil || out.Value != "a b c" {
		t.Errorf("collected %q, %v", out.Value, err)
	}

	count, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, echoService+"Count")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(count.SendMsg(wrapperspb.String("x")), count.CloseSend()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		err = count.RecvMsg(out)
	}
	if s := status.Convert(err); n != 101 || s.Code() != codes.OutOfRange || s.Message() != "no more" {
		t.Errorf("%d messages, %v", n-1, err)
	}
}
