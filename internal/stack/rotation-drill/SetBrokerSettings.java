// Sets settings of one broker, as `kafka-configs.sh --entity-type brokers --alter --add-config` does, which is not among our jars. Run as source
// by kafka-tools.ts. Arguments: the file with the client's settings, the broker's id, and pairs of name and value.
import java.io.FileInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

class SetBrokerSettings {
  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, arguments[1]);
    List<AlterConfigOp> changes = new ArrayList<>();
    for (int at = 2; at < arguments.length; at += 2)
      changes.add(
          new AlterConfigOp(
              new ConfigEntry(arguments[at], arguments[at + 1]), AlterConfigOp.OpType.SET));
    try (Admin admin = Admin.create(settings)) {
      admin.incrementalAlterConfigs(Map.of(broker, changes)).all().get();
    }
  }
}
