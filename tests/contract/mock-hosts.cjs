// node mock-hosts.cjs DESCRIPTION.json …: one Prism for each on a free port of this machine. Prints a line of JSON for
// each that listens, {"description", "port"}, and ends when its input does, so that it never outlives a test.
const { getHttpOperationsFromSpec } = require("@stoplight/prism-http");
const { createServer } = require("@stoplight/prism-http-server");
const { createLogger } = require("@stoplight/prism-core");

const mock = { dynamic: false, ignoreExamples: false };
const config = { isProxy: false, validateRequest: true, validateResponse: true, checkSecurity: true, errors: false, mock };

async function main() {
  for (const description of process.argv.slice(2)) {
    const operations = await getHttpOperationsFromSpec(description);
    const server = createServer(operations, { cors: false, config, components: { logger: createLogger("mock", { level: "silent" }) } });
    const address = await server.listen(0, "127.0.0.1");
    console.log(JSON.stringify({ description, port: Number(new URL(address).port) }));
  }
  process.stdin.resume().on("end", () => process.exit(0));
}
main().catch((error) => { console.error(error); process.exit(1); });
