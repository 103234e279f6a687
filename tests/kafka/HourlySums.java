import static org.apache.kafka.streams.StreamsConfig.*;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/**
 * A consumer with time windows, by Kafka Streams: the sum of each key's values
 * in each hour.
 *
 * <p>usage: HourlySums BOOTSTRAP TOPIC GRACE_HOURS RECORDS
 *
 * <p>Reads so many records from the beginning of the topic, which has no more.
 * Writes a line KEY, start of the hour (ISO 8601), SUM with three decimals
 * for each window, with tabs between, and last "dropped" with Streams' own metric of what came too
 * late, dropped-records-total.
 */
class HourlySums {
	static final Duration HOUR = Duration.ofHours(1);
	static final Duration PATIENCE = Duration.ofSeconds(60);

	static final ObjectMapper json = new ObjectMapper();
	static final Map<String, Double> sums = new ConcurrentSkipListMap<>();
	static volatile long updates;

	public static void main(String[] args) throws InterruptedException {
		String topic = args[1];
		Duration grace = Duration.ofHours(Long.parseLong(args[2]));
		long records = Long.parseLong(args[3]);
		var builder = new StreamsBuilder();

		sum(builder, topic, grace);
		try (var streams = new KafkaStreams(
			     builder.build(), settings(args[0], topic + "-" + args[2]))) {
			streams.start();
			waitFor(streams, records);
			sums.forEach(
				(window, sum) -> System.out.printf("%s\t%.3f%n", window, sum));
			System.out.println("dropped\t" + dropped(streams));
		}
	}

	static void sum(StreamsBuilder builder, String topic, Duration grace) {
		// In memory and without a copy on a topic, for longer than any grace.
		var store = Stores.inMemoryWindowStore(
			"sums", Duration.ofDays(30), HOUR, false);

		builder.<String, String>stream(topic)
			.mapValues(HourlySums::value)
			.groupByKey(Grouped.valueSerde(Serdes.Double()))
			.windowedBy(TimeWindows.ofSizeAndGrace(HOUR, grace))
			.reduce(Double::sum,
				Materialized.<String, Double>as(store)
					.withKeySerde(Serdes.String())
					.withValueSerde(Serdes.Double())
					.withLoggingDisabled())
			.toStream()
			.foreach((window, sum) -> {
				sums.put(window.key() + "\t" + window.window().startTime(), sum);
				updates++;
			});
	}

	static double value(String record) {
		try {
			return json.readTree(record).path("fields").path("value").asDouble();
		} catch (java.io.IOException e) {
			throw new IllegalArgumentException(record, e);
		}
	}

	static Properties settings(String bootstrap, String application) {
		var settings = new Properties();

		settings.put(BOOTSTRAP_SERVERS_CONFIG, bootstrap);
		settings.put(APPLICATION_ID_CONFIG, application);
		settings.put(DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
		settings.put(DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
		// Each record is an update, or dropped: nothing is left in a cache.
		settings.put(STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
		settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
		return settings;
	}

	static void waitFor(KafkaStreams streams, long records)
		throws InterruptedException {
		long end = System.nanoTime() + PATIENCE.toNanos();

		while (updates + dropped(streams) < records) {
			if (System.nanoTime() > end)
				throw new IllegalStateException(updates + " updates and "
					+ dropped(streams) + " dropped of " + records);
			Thread.sleep(50);
		}
	}

	static long dropped(KafkaStreams streams) {
		return streams.metrics().values().stream()
			.filter(m -> m.metricName().name().equals("dropped-records-total"))
			.mapToLong(m -> ((Double)m.metricValue()).longValue())
			.sum();
	}
}
