import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inFolder, mustRun } from '../clients/run-client.ts'

const project = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
const missing = !existsSync('/usr/bin/ansible-playbook') && 'no ansible-playbook (Debian: ansible-core)'

describe('I23: packaging/ansible', { skip: missing }, () => {
  test('the role sets parameters, tables and accounts; run again it changes nothing', {
    timeout: 280_000,
  }, async () => {
    await inFolder(async (folder) => {
      const etc = join(folder, 'etc')
      const playbook = join(folder, 'play.yml')
      const write = (relayhost: string, more = ''): void =>
        writeFileSync(
          playbook,
          `- hosts: localhost
  gather_facts: false
  roles:
    - role: posthorn
      vars:
        posthorn_home: ${project}
        posthorn_config: ${etc}
        posthorn_data: ${folder}/data
        posthorn_user: ${userInfo().username}
        posthorn_manage_user: false
        posthorn_manage_service: false
        posthorn_parameters:
          myhostname: mail.example.org
          myorigin: example.org
          relayhost: "${relayhost}"
          inet_interfaces: loopback-only
          mynetworks: "127.0.0.0/8 [::1]/128"
          mydestination: "$myhostname, localhost, example.org"
          alias_maps: "hash:${etc}/aliases"
          smtpd_banner: "$myhostname ESMTP"
          local_transport: "error: local delivery disabled"
          sample_accounts: no
        posthorn_tables:
          aliases: |
            postmaster: alice
        posthorn_accounts:
          - address: alice@example.org
            password: "wonder land: 'quoted'"
            quota: 1G
${more}`,
        )
      const play = async (): Promise<{ readonly changed: number; readonly output: string }> => {
        const { stdout } = await mustRun(
          'ansible-playbook',
          ['-i', 'localhost,', '-c', 'local', '-e', 'ansible_python_interpreter=/usr/bin/python3', playbook],
          {
            cwd: folder,
            env: { ANSIBLE_ROLES_PATH: `${project}/packaging/ansible/roles`, ANSIBLE_NOCOLOR: '1' },
            timeoutMs: 120_000,
          },
        )
        return { changed: Number(/changed=(\d+)/.exec(stdout)?.[1]), output: stdout }
      }
      write('[smtp.example.net]:587')
      const first = await play()
      assert.ok(first.changed > 3, first.output)
      assert.doesNotMatch(first.output, /quoted/, 'no password is shown')
      const set = await mustRun(`${project}/bin/postconf`, ['-c', etc, '-n'])
      assert.match(set.stdout, /^relayhost = \[smtp\.example\.net\]:587$/m)
      assert.match(set.stdout, /^mydestination = \$myhostname, localhost, example\.org$/m)
      const mainCf = readFileSync(join(etc, 'main.cf'), 'utf8')
      const second = await play()
      assert.equal(second.changed, 0, second.output)
      assert.equal(readFileSync(join(etc, 'main.cf'), 'utf8'), mainCf)
      write('[other.example.net]', '        posthorn_absent_parameters: [smtpd_banner]\n')
      const third = await play()
      assert.equal(third.output.match(/^changed: /gm)?.length, 3, third.output)
      const users = await mustRun(`${project}/bin/posthorn`, ['-c', etc, 'user', 'list'])
      assert.match(users.stdout, /^alice@example\.org +enabled .*of 1\.0 GB/m)
    })
  })
})
