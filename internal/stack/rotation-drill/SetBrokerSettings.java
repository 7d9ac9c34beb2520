// Sets one setting of one broker, as `kafka-configs.sh --entity-type brokers --alter --add-config` does, which is not among our jars. Run as source
// by certificate-exchanges.ts. Arguments: the file with the client's settings, the broker's id, name, value.
import java.io.FileInputStream;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

class SetBrokerSetting {
  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, arguments[1]);
    AlterConfigOp change =
        new AlterConfigOp(new ConfigEntry(arguments[2], arguments[3]), AlterConfigOp.OpType.SET);
    try (Admin admin = Admin.create(settings)) {
      admin.incrementalAlterConfigs(Map.of(broker, List.of(change))).all().get();
    }
  }
}
