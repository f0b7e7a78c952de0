// Runs a piece of JavaScript with a generated Prisma Client 7 and prints the statements that it sent.
// usage: client.mjs HOME CLIENT SCRIPT, with DATABASE_URL
// In the script `db` is the client. Prints JSON: the statements, in order.
import { createRequire } from 'node:module'
import path from 'node:path'

const [home, generated, script] = process.argv.slice(2)
const require = createRequire(path.join(home, 'lib/engine.mjs'))
const { PrismaPg } = require('@prisma/adapter-pg')
const { PrismaClient } = require(generated)

const db = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }),
  log: [{ emit: 'event', level: 'query' }],
})
const sent = []
db.$on('query', ({ query }) => sent.push(query))
const AsyncFunction = (async () => {}).constructor
await new AsyncFunction('db', script)(db)
await db.$disconnect()
process.stdout.write(JSON.stringify(sent))
