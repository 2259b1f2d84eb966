// What Loggregator's own client and conversion say, for tests. "read URL TOKEN SHARD COUNT" prints the text of so many envelopes of a gateway, a
// line each, as its own marshaller writes them. "convert" reads V2 envelopes in JSON, a line each, and prints the V1 envelope of each as JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"code.cloudfoundry.org/go-loggregator/v10"
	"code.cloudfoundry.org/go-loggregator/v10/conversion"
	"code.cloudfoundry.org/go-loggregator/v10/rpc/loggregator_v2"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	var err error
	switch os.Args[1] {
	case "read":
		err = read(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	case "convert":
		err = convert()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type withToken struct{ token string }

func (c withToken) Do(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "bearer "+c.token)
	return http.DefaultClient.Do(request)
}

func read(url, token, shard, limit string) error {
	count, err := strconv.Atoi(limit)
	if err != nil {
		return err
	}
	client := loggregator.NewRLPGatewayClient(url, loggregator.WithRLPGatewayHTTPClient(withToken{token}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := client.Stream(ctx, &loggregator_v2.EgressBatchRequest{
		ShardId: shard,
		Selectors: []*loggregator_v2.Selector{
			{Message: &loggregator_v2.Selector_Log{Log: &loggregator_v2.LogSelector{}}},
			{Message: &loggregator_v2.Selector_Timer{Timer: &loggregator_v2.TimerSelector{}}},
			{Message: &loggregator_v2.Selector_Gauge{Gauge: &loggregator_v2.GaugeSelector{}}},
			{Message: &loggregator_v2.Selector_Counter{Counter: &loggregator_v2.CounterSelector{Name: "dropped"}}},
		},
	})
	for got := 0; got < count; {
		for _, envelope := range next() {
			text, err := protojson.Marshal(envelope)
			if err != nil {
				return err
			}
			fmt.Println(string(text))
			got++
		}
	}
	return nil
}

func convert() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var envelope loggregator_v2.Envelope
		if err := protojson.Unmarshal(lines.Bytes(), &envelope); err != nil {
			return err
		}
		envelopes := conversion.ToV1(&envelope)
		if len(envelopes) != 1 {
			fmt.Println("null")
			continue
		}
		text, err := json.Marshal(envelopes[0])
		if err != nil {
			return err
		}
		fmt.Println(string(text))
	}
	return lines.Err()
}
