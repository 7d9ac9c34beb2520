// Prints a running Kafka broker's counters as one line of JSON for each line on standard input:
// `java --add-modules jdk.attach BrokerCounters.java PID`. Attaches like jcmd, so the broker needs no option and no port. Run by
// broker-cost.ts beside a benchmark, and only asked before and after the measurement.
import com.sun.tools.attach.VirtualMachine;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

public class BrokerCounters {
  public static void main(String[] arguments) throws Exception {
    VirtualMachine machine = VirtualMachine.attach(arguments[0]);
    String address = machine.startLocalManagementAgent();
    machine.detach();
    MBeanServerConnection beans = JMXConnectorFactory.connect(new JMXServiceURL(address)).getMBeanServerConnection();
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
    while (questions.readLine() != null) System.out.println(read(beans));
    // The connection's threads would keep the process alive.
    System.exit(0);
  }

  private static String read(MBeanServerConnection beans) throws Exception {
    Map<String, Double> counts = new TreeMap<>();
    for (ObjectName name : beans.queryNames(new ObjectName("kafka.network:type=RequestMetrics,name=RequestsPerSec,*"), null))
      add(counts, "request:" + name.getKeyProperty("request"), beans, name);
    for (String kind : new String[] {"BytesInPerSec", "BytesOutPerSec", "MessagesInPerSec"})
      for (ObjectName name : beans.queryNames(new ObjectName("kafka.server:type=BrokerTopicMetrics,name=" + kind), null))
        add(counts, kind, beans, name);
    List<String> fields = new ArrayList<>();
    counts.forEach((key, value) -> fields.add("\"" + key + "\":" + value));
    return "{" + String.join(",", fields) + "}";
  }

  private static void add(Map<String, Double> counts, String key, MBeanServerConnection beans, ObjectName name) throws Exception {
    counts.merge(key, ((Number) beans.getAttribute(name, "Count")).doubleValue(), Double::sum);
  }
}
