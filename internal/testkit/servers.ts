// The addresses of the real servers for the `.int` tests. The test runner starts the servers and passes the addresses in the
// environment. A test never starts one itself and never mocks one.

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
