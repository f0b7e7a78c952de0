// Evaluates a prisma.config file as the project's own Prisma would and prints what a deploy needs
// as one line of JSON behind a mark, since the configuration may print as well.
// Arguments: the file, the working folder.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'

const [file, cwd] = process.argv.slice(-2)
const read = new Set()
const environment = process.env
process.env = new Proxy(environment, {
  get(target, name) {
    if (typeof name === 'string') read.add(name)
    return Reflect.get(target, name)
  },
})

function say(answer) {
  writeSync(1, `\nunderpin-config:${JSON.stringify(answer)}\n`)
  process.exit(0)
}

// Tries to resolve a module from the file and through the packages that Prisma depends on.
function resolve(name, ...through) {
  try {
    let from = createRequire(file)
    for (const step of through) from = createRequire(from.resolve(step))
    return from.resolve(name)
  } catch {
    return undefined
  }
}

async function viaPrisma() {
  const path = resolve('@prisma/config', 'prisma/package.json') ?? resolve('@prisma/config')
  if (!path) return undefined
  const module = await import(pathToFileURL(path))
  const load = module.loadConfigFromFile ?? module.default?.loadConfigFromFile
  if (!load) return undefined
  const { config, error } = await load({ configFile: file, configRoot: cwd })
  if (error) throw error.error ?? new Error(error._tag)
  return config
}

async function viaJiti() {
  const path = resolve('jiti') ?? resolve('jiti', 'prisma/package.json', '@prisma/config', 'c12')
  if (!path) return undefined
  const module = await import(pathToFileURL(path))
  const create = module.createJiti ?? module.default?.createJiti ?? module.default
  return await create(pathToFileURL(file).href, { interopDefault: true, moduleCache: false }).import(file)
}

async function viaTsx() {
  const path = resolve('tsx/esm/api')
  if (!path) return undefined
  const { tsImport } = await import(pathToFileURL(path))
  return await tsImport(pathToFileURL(file).href, pathToFileURL(file).href)
}

async function evaluated() {
  const isTypeScript = ['.ts', '.mts', '.cts'].includes(extname(file))
  const found = (await viaPrisma()) ?? (isTypeScript ? ((await viaJiti()) ?? (await viaTsx())) : undefined)
  if (found) return found
  if (isTypeScript && !process.features.typescript) {
    const stripsWithFlag = !process.execArgv.includes('--experimental-strip-types')
    say({ status: 'no-typescript', node: process.versions.node, stripsWithFlag })
  }
  return await import(pathToFileURL(file))
}

try {
  let config = await evaluated()
  while (config?.default && config.schema === undefined && config.datasource === undefined) config = config.default
  const names = [...read]
  const url = (value) =>
    typeof value === 'string' ? { value, variable: names.find((name) => environment[name] === value) ?? null } : null
  say({
    status: 'ok',
    schema: config?.schema ?? null,
    migrations: config?.migrations?.path ?? null,
    url: url(config?.datasource?.url),
    directUrl: url(config?.datasource?.directUrl),
  })
} catch (error) {
  say({ status: 'failed', message: String(error?.message ?? error) })
}
