import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientConfigurationBuilder;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;

/** The official Java client, as ../README.md describes it. */
public final class Client {
  private static final Map<String, String> ENV = System.getenv();
  private static final String TOPIC = ENV.getOrDefault("TOPIC", "");
  private static final String GROUP = ENV.getOrDefault("GROUP", "");
  private static final int COUNT = Integer.parseInt(ENV.getOrDefault("COUNT", "1"));
  private static final long DEADLINE =
      System.nanoTime() + (long) (Double.parseDouble(ENV.getOrDefault("SECONDS", "30")) * 1e9);
  private static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
  private static final Map<String, FilterExpression> ALL =
      Collections.singletonMap(TOPIC, FilterExpression.SUB_ALL);

  public static void main(String[] args) {
    try {
      switch (args[0]) {
        case "produce" -> produce();
        case "simple" -> simple();
        case "push" -> push();
        default -> throw new IllegalArgumentException(args[0]);
      }
      System.exit(0);
    } catch (Throwable error) {
      say("{\"error\":" + quoted(String.valueOf(error)) + "}");
      System.exit(1);
    }
  }

  private static ClientConfiguration configuration() {
    ClientConfigurationBuilder builder =
        ClientConfiguration.newBuilder()
            .setEndpoints(ENV.get("ENDPOINTS"))
            .enableSsl("1".equals(ENV.get("TLS")));
    if (ENV.containsKey("ACCESS_KEY")) {
      builder.setCredentialProvider(
          new StaticSessionCredentialsProvider(ENV.get("ACCESS_KEY"), ENV.getOrDefault("SECRET_KEY", "")));
    }
    return builder.build();
  }

  private static void produce() throws Exception {
    try (var producer =
        PROVIDER.newProducerBuilder().setClientConfiguration(configuration()).setTopics(TOPIC).build()) {
      say("{\"ready\":true}");
      for (int index = 0; index < COUNT; index++) {
        String body = "message " + index;
        MessageBuilder message =
            PROVIDER.newMessageBuilder().setTopic(TOPIC).setTag("interop")
                .setBody(body.getBytes(StandardCharsets.UTF_8));
        if (ENV.containsKey("MESSAGE_GROUPS")) {
          message.setMessageGroup(String.valueOf(index % Integer.parseInt(ENV.get("MESSAGE_GROUPS"))));
        }
        while (true) {
          try {
            String id = producer.send(message.build()).getMessageId().toString();
            say("{\"sent\":" + quoted(id) + ",\"body\":" + quoted(body) + "}");
            break;
          } catch (Exception error) {
            if (System.nanoTime() > DEADLINE) throw error;
            Thread.sleep(200);
          }
        }
        Thread.sleep(Long.parseLong(ENV.getOrDefault("PAUSE_MS", "0")));
      }
    }
  }

  private static void simple() throws Exception {
    try (var consumer =
        PROVIDER.newSimpleConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(GROUP)
            .setSubscriptionExpressions(ALL).setAwaitDuration(Duration.ofSeconds(5)).build()) {
      say("{\"ready\":true}");
      Set<String> seen = ConcurrentHashMap.newKeySet();
      while (seen.size() < COUNT && System.nanoTime() < DEADLINE) {
        try {
          for (MessageView message : consumer.receive(32, Duration.ofSeconds(15))) {
            report(message);
            consumer.ack(message);
            seen.add(message.getMessageId().toString());
          }
        } catch (Exception error) {
          Thread.sleep(200);
        }
      }
    }
  }

  private static void push() throws Exception {
    Set<String> seen = ConcurrentHashMap.newKeySet();
    try (var ignored =
        PROVIDER.newPushConsumerBuilder().setClientConfiguration(configuration()).setConsumerGroup(GROUP)
            .setSubscriptionExpressions(ALL)
            .setMessageListener(
                message -> {
                  report(message);
                  boolean fails = "1".equals(ENV.get("FAIL_FIRST")) && message.getDeliveryAttempt() == 1;
                  if (fails && bodyOf(message).endsWith("0")) return ConsumeResult.FAILURE;
                  seen.add(message.getMessageId().toString());
                  return ConsumeResult.SUCCESS;
                })
            .build()) {
      say("{\"ready\":true}");
      while (seen.size() < COUNT && System.nanoTime() < DEADLINE) Thread.sleep(50);
      // Acknowledgements of the last ones, and what may come twice.
      Thread.sleep(1_000);
    }
  }

  private static void report(MessageView message) {
    say("{\"received\":" + quoted(message.getMessageId().toString()) + ",\"body\":" + quoted(bodyOf(message))
        + ",\"attempt\":" + message.getDeliveryAttempt() + "}");
  }

  private static String bodyOf(MessageView message) {
    ByteBuffer body = message.getBody();
    return StandardCharsets.UTF_8.decode(body.duplicate()).toString();
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ").replace("\r", " ") + '"';
  }

  private Client() {}
}
