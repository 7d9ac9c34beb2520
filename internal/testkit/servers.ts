// Where the real servers of the `.int` tests are. The test runner starts them and hands their addresses over in the
// environment; a test never starts one by itself and never replaces one by a mock.

export function postgresUrl(): string {
  return address("TEST_POSTGRES_URL", "a Postgres superuser's URL");
}

export function redisUrl(): string {
  return address("TEST_REDIS_URL", "a Redis URL");
}

export function kafkaBrokers(): string {
  return address("TEST_KAFKA_BROKERS", "host:port of a Kafka broker");
}

function address(variable: string, what: string): string {
  const value = process.env[variable];
  if (value === undefined || value === "") {
    throw new Error(
      `${variable} (${what}) is not set; run the tests with \`npm test\`, which starts the servers`,
    );
  }
  return value;
}
