// Gives a user a password for one mechanism, or takes it away, as `kafka-configs.sh --entity-type users --alter` does, which is not among our jars.
// Run as source by kafka-password-exchange.ts. Arguments: the file with the client's settings, the user, the mechanism, and the file with the
// password; without it the user loses that mechanism.
import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;

class SetScramPassword {
  private static final int ITERATIONS = 8192;

  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    String user = arguments[1];
    ScramMechanism mechanism = ScramMechanism.fromMechanismName(arguments[2]);
    UserScramCredentialAlteration change =
        arguments.length > 3
            ? new UserScramCredentialUpsertion(
                user,
                new ScramCredentialInfo(mechanism, ITERATIONS),
                Files.readString(Path.of(arguments[3])))
            : new UserScramCredentialDeletion(user, mechanism);
    try (Admin admin = Admin.create(settings)) {
      admin.alterUserScramCredentials(List.of(change)).all().get();
    }
  }
}
