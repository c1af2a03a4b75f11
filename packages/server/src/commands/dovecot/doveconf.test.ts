import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createCliFixture, runCommand } from '../../cli-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder } = cli

it('doveconf shows the reading side', async () => {
  const path = folder('ssl = required\nimap_port = 143\nrelayhost = x\n')
  assert.equal(
    (await runCommand('doveconf', ['-c', path, '-n'])).out,
    `# 0.1.0: ${path}/main.cf\nimap_port = 143\nssl = required\n`,
  )
  assert.equal((await runCommand('doveconf', ['-c', path, 'ssl'])).out, 'ssl = required\n')
  assert.equal((await runCommand('doveconf', ['-c', path, 'nosuch'])).code, 1)
})
