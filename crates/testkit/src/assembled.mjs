// Prisma Clients that are not generated: a generated one is the runtime with the schema's text and model in it, and
// those are given here. So hundreds of schemas take one process, and no time.
import { createRequire } from 'node:module'
import path from 'node:path'

export function assembling(home) {
  const require7 = createRequire(path.join(home, 'lib/engine.mjs'))
  const require6 = createRequire(path.join(home, 'oracle6/client.mjs'))
  const language = require7('@prisma/prisma-schema-wasm')
  const versions = {
    7: { require: require7, compiler: 'query_compiler_fast_bg' },
    6: { require: require6, compiler: 'query_compiler_bg' },
  }
  const runtimes = {}
  function runtime(major) {
    if (runtimes[major]) return runtimes[major]
    const { require, compiler } = versions[major]
    const folder = path.join(path.dirname(require.resolve('@prisma/client/package.json')), 'runtime')
    const wasm = Buffer.from(require(path.join(folder, compiler + '.postgresql.wasm-base64.js')).wasm, 'base64')
    runtimes[major] = {
      getPrismaClient: require('@prisma/client/runtime/client.js').getPrismaClient,
      compiler: require(path.join(folder, compiler + '.postgresql.js')),
      importName: `./${compiler}.js`,
      module: new WebAssembly.Module(wasm),
      version: require('@prisma/client/package.json').version,
    }
    return runtimes[major]
  }

  // What the schema says: its models and enums, as the generator is told.
  function datamodel(schema) {
    const asked = { prismaSchema: [['schema.prisma', schema]], noColor: true }
    return JSON.parse(language.get_dmmf(JSON.stringify(asked))).datamodel
  }

  // The class of a schema's client.
  function clientClass(major, schema, models) {
    const { getPrismaClient, compiler, importName, module, version } = runtime(major)
    const pruned = {}
    for (const { name, dbName, schema, fields } of models) {
      const kept = fields.map(({ name, kind, type, relationName, dbName }) => ({ name, kind, type, relationName, dbName }))
      pruned[name] = { dbName: dbName ?? null, schema: schema ?? null, fields: kept }
    }
    const six = schema.replace('provider = "postgresql"', 'provider = "postgresql"\n url = env("DATABASE_URL")')
    return getPrismaClient({
      previewFeatures: [],
      clientVersion: version,
      engineVersion: version,
      activeProvider: 'postgresql',
      inlineSchema: major === 6 ? six : schema,
      inlineSchemaHash: '',
      runtimeDataModel: { models: pruned, enums: {}, types: {} },
      // Nothing is remembered between queries.
      parameterizationSchema: { strings: [], graph: 'AAAAAAAAAAAAAAAA' },
      compilerWasm: { getRuntime: async () => compiler, getQueryCompilerWasmModule: async () => module, importName },
      // Prisma 6 asks for these too.
      generator: { name: 'client', config: { engineType: 'client' }, previewFeatures: [] },
      datasourceNames: ['db'],
      // The adapter knows the address.
      inlineDatasources: { db: { url: { fromEnvVar: null, value: 'postgresql://127.0.0.1/nothing' } } },
      copyEngine: true,
      dirname: home,
      relativePath: '',
    })
  }
  return { require: require7, datamodel, clientClass }
}
