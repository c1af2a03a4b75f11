import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSite, inFolder, startServer, stopServer } from './running-server.ts'

const main = fileURLToPath(new URL('../../packages/server/src/main.js', import.meta.url))
const name = `posthorn-compile-cache-${process.getuid?.() ?? 0}`

/** What a command leaves in the folder of its compiled code. @param prepare given the folder for temporary files */
function leaves(prepare: (folder: string) => void): readonly string[] {
  const temporary = mkdtempSync(join(tmpdir(), 'posthorn-temporary-'))
  try {
    prepare(temporary)
    const { NODE_COMPILE_CACHE: _, ...env } = process.env
    const out = execFileSync(process.execPath, [main, 'postconf', '-d', 'mail_name'], {
      env: { ...env, TMPDIR: temporary },
      encoding: 'utf8',
    })
    assert.equal(out, 'mail_name = Posthorn\n')
    return readdirSync(join(temporary, name))
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

test('compiled code lies in a folder of our own, so that commands start soon', () => {
  assert.notEqual(leaves(() => undefined).length, 0)
})

test('a folder that others may write to, or a symbolic link, is not used: who writes there decides what runs', () => {
  assert.deepEqual(
    leaves((temporary) => {
      mkdirSync(join(temporary, name))
      execFileSync('chmod', ['0777', join(temporary, name)])
    }),
    [],
  )
  assert.deepEqual(
    leaves((temporary) => {
      mkdirSync(join(temporary, 'elsewhere'), { mode: 0o700 })
      symlinkSync('elsewhere', join(temporary, name))
    }),
    [],
  )
})

test('the first server after an installation is replaced by one that need not read TypeScript', async () => {
  await inFolder(async (folder) => {
    const site = await createSite(folder)
    for (const expected of ['compiled', 'compiled before']) {
      const server = await startServer(site, { NODE_COMPILE_CACHE: join(folder, 'code') })
      const environment = readFileSync(`/proc/${server.pid}/environ`, 'latin1').split('\0')
      assert.equal(environment.includes('POSTHORN_COMPILED=yes'), expected === 'compiled')
      assert.equal(server.output().match(/Posthorn is ready/g)?.length, 1)
      assert.equal((await stopServer(server)).code, 0)
    }
  })
})
