// Prisma Clients that go on running, as those of releases do, while their databases change.
// usage: client.mjs HOME, where the oracle is installed. A line in, a line out, both JSON.
//   {"do": "open", "url", "statements", "folder"} or {..., "schema", "major"}    {"client"}
//        a generated client, or one that is put together; KEPT statements are prepared once a connection, and kept,
//        UNNAMED ones each time
//   {"do": "run", "client", "script"}               {"value", "sent"} or {"error"}: once; `sent` are the statements
//   {"do": "begin", "client", "script", "workers"}  {}: again and again, until the end
//   {"do": "wait", "client", "runs"}                {}: when what was begun has run so many times more
//   {"do": "end", "client"}                         {"runs", "failures", "worst_ms"}: of all that was begun
//   {"do": "close", "client"}                       {}: its connections are closed
//   {"do": "everything", "url", "schema", "major"}  [{"model", "operation", "code", "message"}]: see everything.mjs
// In scripts `db` is the client, `turn` counts a script's own runs, and `assert` is Node's.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import readline from 'node:readline'
import { assembling } from './assembled.mjs'
import { everything } from './everything.mjs'

const assembled = assembling(process.argv[2])
const { PrismaPg } = assembled.require('@prisma/adapter-pg')

const named = ({ sql }) => 's' + createHash('sha1').update(sql).digest('hex')
const AsyncFunction = (async () => {}).constructor
const failure = (error) => {
  const cause = error.meta?.driverAdapterError?.cause ?? error.cause ?? {}
  return {
    code: error.code ?? null,
    sqlstate: cause.originalCode ?? error.meta?.code ?? null,
    // What an assertion says is said in all of its lines.
    message: cause.originalMessage ?? (error.code === 'ERR_ASSERTION' ? error.message : String(error.message).trim().split('\n').pop()),
  }
}

class Release {
  constructor({ url, statements, folder, schema, major }) {
    const generated = folder
      ? assembled.require(folder).PrismaClient
      : assembled.clientClass(major, schema, assembled.datamodel(schema).models)
    this.db = new generated({
      adapter: new PrismaPg(
        { connectionString: url, max: 8 },
        { statementNameGenerator: statements === 'KEPT' ? named : undefined },
      ),
      log: [{ emit: 'event', level: 'query' }],
      // A machine that is busy is no reason to give up.
      transactionOptions: { maxWait: 60_000, timeout: 60_000 },
    })
    this.db.$on('query', ({ query }) => this.sent?.push(query))
    this.total = 0
    this.renew()
  }
  renew() {
    this.begun = []
    this.told = { runs: 0, failures: [], worst_ms: 0 }
    this.ended = false
  }
  script(text) {
    const run = new AsyncFunction('db', 'turn', 'assert', text)
    return (turn) => run(this.db, turn, assert)
  }
  async again(run, first, step) {
    for (let turn = first; !this.ended; turn += step) {
      const from = performance.now()
      try {
        await run(turn)
      } catch (error) {
        this.told.failures.push(failure(error))
      }
      this.told.runs += 1
      this.total += 1
      this.told.worst_ms = Math.max(this.told.worst_ms, performance.now() - from)
      // As between requests: who never rests takes the machine from the server.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  async run({ script }) {
    this.sent = []
    try {
      const value = await this.script(script)(0)
      return { value: value ?? null, sent: this.sent }
    } catch (error) {
      return { error: failure(error) }
    } finally {
      this.sent = undefined
    }
  }
  begin({ script, workers }) {
    const run = this.script(script)
    for (let worker = 0; worker < workers; worker++) this.begun.push(this.again(run, worker, workers))
    return {}
  }
  async wait({ runs }) {
    const until = this.total + runs
    while (this.total < until) await new Promise((resolve) => setTimeout(resolve, 5))
    return {}
  }
  async end() {
    this.ended = true
    await Promise.all(this.begun)
    const told = this.told
    this.renew()
    return told
  }
  async close() {
    await this.end()
    await this.db.$disconnect()
    return {}
  }
}

const releases = []
async function answered(asked) {
  switch (asked.do) {
    case 'open':
      return { client: releases.push(new Release(asked)) - 1 }
    case 'everything':
      return everything(assembled, asked)
    default:
      return releases[asked.client][asked.do](asked)
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const answer = await answered(JSON.parse(line))
  process.stdout.write(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value)) + '\n')
}
await Promise.all(releases.map((release) => release.close()))
