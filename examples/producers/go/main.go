// Puts the requests of one account into Kafka: produce BROKERS TOPIC ACCOUNT FILE, one JSON request a line.
package main

import (
	"bufio"
	"context"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("produce: ")
	if len(os.Args) != 5 {
		log.Fatal("BROKERS TOPIC ACCOUNT FILE")
	}
	brokers, topic, account, file := os.Args[1], os.Args[2], os.Args[3], os.Args[4]

	// Idempotent by default. The hash is that of Java, which is also the default here.
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.RecordDeliveryTimeout(30*time.Second),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	requests, err := os.Open(file)
	if err != nil {
		log.Fatal(err)
	}
	defer requests.Close()
	var records []*kgo.Record
	lines := bufio.NewScanner(requests)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		records = append(records, &kgo.Record{Topic: topic, Key: []byte(account), Value: append([]byte(nil), lines.Bytes()...)})
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		log.Fatal(err)
	}
}
