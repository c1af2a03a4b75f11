import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { appendToFile } from './append-file.ts'

/** A folder, and what was synced below and above it since the last look: paths, and file names as `*`. */
async function watched(t: TestContext): Promise<{ root: string; synced: () => string[] }> {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-append-file-'))
  t.after(() => rmSync(root, { recursive: true }))
  const seen: string[] = []
  const handle = await open(root)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const { sync } = prototype
  t.mock.method(prototype, 'sync', function (this: FileHandle) {
    seen.push(relative(root, readlinkSync(`/proc/self/fd/${this.fd}`)).replace(/\d+\.P.*/, '*'))
    return sync.call(this)
  })
  return { root, synced: () => seen.splice(0) }
}

async function* message(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('Subject: x\n\nx\n')
}

test('a message in a Maildir is on disk with its name, and so are the folders made for it', async (t) => {
  const { root, synced } = await watched(t)
  const deliver = () => appendToFile(`${join(root, 'mail', 'box')}/`, message, Date.now)
  assert.equal((await deliver()).status, '2.0.0')
  const made = synced()
  assert.deepEqual(made.slice(-2), ['mail/box/tmp/*', 'mail/box/new'])
  for (const folder of ['', 'mail', 'mail/box']) assert.ok(made.includes(folder), folder)
  assert.equal((await deliver()).status, '2.0.0')
  assert.deepEqual(synced(), ['mail/box/tmp/*', 'mail/box/new'])
  const [name = ''] = readdirSync(join(root, 'mail', 'box', 'new'))
  assert.equal(readFileSync(join(root, 'mail', 'box', 'new', basename(name)), 'utf8'), 'Subject: x\n\nx\n')
})

test('an mbox that is made by a delivery is on disk with its name', async (t) => {
  const { root, synced } = await watched(t)
  const path = join(root, 'mbox')
  assert.equal((await appendToFile(path, message, Date.now)).status, '2.0.0')
  assert.deepEqual(synced(), ['mbox', ''])
  assert.equal((await appendToFile(path, message, Date.now)).status, '2.0.0')
  assert.deepEqual(synced(), ['mbox'])
})
