import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const root = mkdtempSync(join(tmpdir(), 'posthorn-stripped-'))
after(() => rmSync(root, { recursive: true, force: true }))
const program = join(root, 'program.ts')
const write = (said: string): void =>
  writeFileSync(
    program,
    `import { Worker, isMainThread } from 'node:worker_threads'
const said: string = ${JSON.stringify(said)}
const { moduleLoadList: loaded } = process as unknown as { moduleLoadList: readonly string[] }
const read = loaded.some((name: string) => name.includes('deps/amaro')) ? 'read' : 'kept'
console.log([isMainThread, said, read, /program\\.ts:(\\d+)/.exec(new Error('here').stack ?? '')?.[1]].join(' '))
if (isMainThread) new Worker(new URL(import.meta.url))
`,
  )

/** The lines of the main thread and of its own, with the files kept in `folder`. */
function run(folder: string): readonly string[] {
  const module = new URL('./stripped-code.js', import.meta.url)
  module.searchParams.set('folder', folder)
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const { stdout, stderr } = spawnSync(process.execPath, [`--import=${module}`, program], {
    env,
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return stdout.trimEnd().split('\n')
}

const keptIn = (folder: string): string => join(folder, 'stripped', `${program}.js`)

test('types are stripped once; threads find the same, and lines stay where they are', () => {
  const folder = join(root, 'once')
  write('one')
  assert.deepEqual(run(folder), ['true one read 5', 'false one kept 5'])
  assert.deepEqual(run(folder), ['true one kept 5', 'false one kept 5'])
  assert.deepEqual(readdirSync(join(folder, 'stripped', root)), ['program.ts.js'])
})

test('a source that has changed is read again, and takes the place of what was kept', () => {
  const folder = join(root, 'changed')
  write('one')
  run(folder)
  write('two')
  assert.deepEqual(run(folder), ['true two read 5', 'false two kept 5'])
  assert.deepEqual(run(folder), ['true two kept 5', 'false two kept 5'])
})

test('what is damaged, cut short or empty is made anew', () => {
  const folder = join(root, 'damaged')
  write('one')
  run(folder)
  const whole = readFileSync(keptIn(folder), 'utf8')
  for (const damaged of [whole.replace('one', 'eno'), whole.slice(0, -3), whole.slice(0, 40), '', '\n']) {
    writeFileSync(keptIn(folder), damaged)
    assert.deepEqual(run(folder), ['true one read 5', 'false one kept 5'])
    assert.equal(readFileSync(keptIn(folder), 'utf8'), whole)
  }
})

test('a folder that cannot be written to costs time only', () => {
  const folder = join(root, 'file')
  writeFileSync(folder, '')
  chmodSync(folder, 0o400)
  write('one')
  assert.deepEqual(run(folder), ['true one read 5', 'false one read 5'])
})
