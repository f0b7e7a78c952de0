// A release of the shop.
//   node shop.mjs sign-up "Ada Lovelace"   stores a person, and prints who signed up, the newest first
//   node shop.mjs serve                    works until it is stopped, and prints how often that failed
import { setTimeout as pause } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './client/index.js'

const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })

async function signUp(name) {
  const email = `${name.toLowerCase().replaceAll(' ', '.')}@signed-up.example`
  await db.user.create({ data: { email, fullName: name } })
  const people = await db.user.findMany({
    where: { email: { endsWith: '@signed-up.example' } },
    orderBy: { id: 'desc' },
  })
  console.log(people.map((user) => user.fullName).join(', '))
}

async function serve() {
  let [open, requests, failed] = [true, 0, 0]
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (open = false))
  while (open) {
    requests += 1
    const email = `visitor-${process.pid}-${requests}@example.org`
    try {
      const { id } = await db.user.create({ data: { email, fullName: 'Somebody' } })
      await db.user.update({ where: { id }, data: { fullName: 'Somebody Else' } })
      const { fullName } = await db.user.delete({ where: { id } })
      if (fullName !== 'Somebody Else') throw new Error(`a name that nobody wrote: ${fullName}`)
    } catch (error) {
      failed += 1
      console.log(error.message)
    }
    await pause(20)
  }
  console.log(`${requests} visitors, ${failed} failures`)
}

const [what, name] = process.argv.slice(2)
await (what === 'serve' ? serve() : signUp(name))
await db.$disconnect()
