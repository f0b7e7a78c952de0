// A Prisma Client that goes on running, as that of a release does, while its database changes.
// usage: client.mjs HOME CLIENT KEPT|UNNAMED, with DATABASE_URL
// HOME is where the oracle is installed, CLIENT the generated client. KEPT prepares each statement once a connection
// and keeps it, UNNAMED prepares it each time.
// A line in, a line out, both JSON. In scripts `db` is the client, `turn` counts a script's own runs, and `assert` is
// Node's.
//   {"do": "run", "script"}             {"value", "sent"} or {"error"}: once; `sent` are the statements
//   {"do": "begin", "script", "workers"}  {}: again and again, until the end
//   {"do": "wait", "runs"}              {}: when what was begun has run so many times more
//   {"do": "end"}                       {"runs", "failures", "worst_ms"}: of all that was begun
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import path from 'node:path'
import readline from 'node:readline'

const [home, generated, statements] = process.argv.slice(2)
const require = createRequire(path.join(home, 'lib/engine.mjs'))
const { PrismaPg } = require('@prisma/adapter-pg')
const { PrismaClient } = require(generated)

const named = ({ sql }) => 's' + createHash('sha1').update(sql).digest('hex')
const db = new PrismaClient({
  adapter: new PrismaPg(
    { connectionString: process.env.DATABASE_URL, max: 4 },
    { statementNameGenerator: statements === 'KEPT' ? named : undefined },
  ),
  log: [{ emit: 'event', level: 'query' }],
})
let sent = []
db.$on('query', ({ query }) => sent.push(query))

const AsyncFunction = (async () => {}).constructor
const script = (text) => {
  const run = new AsyncFunction('db', 'turn', 'assert', text)
  return (turn) => run(db, turn, assert)
}
const failure = (error) => {
  const cause = error.meta?.driverAdapterError?.cause ?? error.cause ?? {}
  return {
    code: error.code ?? null,
    sqlstate: cause.originalCode ?? error.meta?.code ?? null,
    message: cause.originalMessage ?? String(error.message).trim().split('\n').pop(),
  }
}

let begun = []
let ended = false
let total = 0
async function again(run, first, step, told) {
  for (let turn = first; !ended; turn += step) {
    const from = performance.now()
    try {
      await run(turn)
    } catch (error) {
      told.failures.push(failure(error))
    }
    told.runs += 1
    total += 1
    told.worst_ms = Math.max(told.worst_ms, performance.now() - from)
  }
}

const acts = {
  async run({ script: text }) {
    sent = []
    try {
      const value = await script(text)(0)
      return { value: value ?? null, sent }
    } catch (error) {
      return { error: failure(error) }
    }
  },
  async begin({ script: text, workers }) {
    const told = { runs: 0, failures: [], worst_ms: 0 }
    const run = script(text)
    for (let worker = 0; worker < workers; worker++) begun.push(again(run, worker, workers, told))
    begun.told = [...(begun.told ?? []), told]
    return {}
  },
  async wait({ runs }) {
    const until = total + runs
    while (total < until) await new Promise((resolve) => setTimeout(resolve, 5))
    return {}
  },
  async end() {
    ended = true
    const told = begun.told ?? []
    await Promise.all(begun)
    ;[begun, ended] = [[], false]
    return {
      runs: told.reduce((sum, one) => sum + one.runs, 0),
      failures: told.flatMap((one) => one.failures),
      worst_ms: Math.max(0, ...told.map((one) => one.worst_ms)),
    }
  },
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  const answer = await acts[asked.do](asked)
  process.stdout.write(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value)) + '\n')
}
await db.$disconnect()
