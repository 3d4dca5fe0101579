import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** Puts the requests of one account into Kafka: Produce BROKERS TOPIC ACCOUNT FILE, one JSON request a line. */
public final class Produce {
    public static void main(String[] args) throws Exception {
        if (args.length != 4) {
            System.err.println("Produce BROKERS TOPIC ACCOUNT FILE");
            System.exit(2);
        }
        String topic = args[1];
        String account = args[2];
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        // Idempotent, and with the right partitioner, by default.
        settings.put("acks", "all");
        settings.put("delivery.timeout.ms", "30000");
        settings.put("request.timeout.ms", "10000");
        settings.put("key.serializer", StringSerializer.class.getName());
        settings.put("value.serializer", StringSerializer.class.getName());
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            for (String request : Files.readAllLines(Path.of(args[3]), StandardCharsets.UTF_8)) {
                sent.add(producer.send(new ProducerRecord<>(topic, account, request)));
            }
            producer.flush();
        }
        for (Future<RecordMetadata> one : sent) {
            one.get(); // throws if the broker did not take it
        }
    }
}
