/** local(8), "DELIVERY RIGHTS": what a user's own file names is served as its owner, by a server that is root. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  command,
  createSite,
  eventually,
  inFolder,
  LineClient,
  type Site,
  startServer,
  stopServer,
} from './running-server.ts'

const skip = process.getuid?.() !== 0 && 'only root serves each as himself'
const idOf = (name: string, what = '-u'): number => Number(execFileSync('id', [what, name]).toString())

async function send(site: Site, ...addresses: readonly string[]): Promise<void> {
  const smtp = await LineClient.connect(site.ports.smtp, /^220 /m)
  await smtp.ask('EHLO client', /^250 /m)
  await smtp.ask('MAIL FROM:<a@far.test>', /^250 /m)
  for (const address of addresses) await smtp.ask(`RCPT TO:<${address}@example.org>`, /^250 /m)
  await smtp.ask('DATA', /^354 /m)
  await smtp.ask('Subject: x\r\n\r\nx\r\n.', /^250 /m)
}

test('.forward and :include: files: each command and file with the rights of who owns the file', {
  skip,
}, async () => {
  await inFolder(async (folder) => {
    const [daemon, games] = [idOf('daemon'), idOf('games')]
    chmodSync(folder, 0o755)
    const out = join(folder, 'out')
    mkdirSync(out)
    chmodSync(out, 0o777)
    const say = (name: string): string =>
      `"|(id -u; id -G; echo $LOGNAME) >${out}/${name}.part; mv ${out}/${name}.part ${out}/${name}"`
    const home = (name: string, homeUid: number, uid: number, text: string): void => {
      mkdirSync(join(folder, 'home', name), { recursive: true })
      writeFileSync(join(folder, 'home', name, '.forward'), text, { mode: 0o600 })
      chownSync(join(folder, 'home', name, '.forward'), uid, uid)
      chownSync(join(folder, 'home', name), homeUid, homeUid)
    }
    home('alice', daemon, daemon, `${say('alice')}\n${out}/mail\n"|cat >>${out}/same.$(id -u)"\n`)
    home('bob', games, games, `${say('bob')}\n"|cat >>${out}/same.$(id -u)"\n`)
    // Written by root for a user; by a user without a name; by root for nobody of the system.
    home('carl', games, 0, say('carl'))
    home('dora', 4242, 4242, say('dora'))
    home('emil', 0, 0, say('emil'))
    // An alias is nobody's, whoever led to it.
    home('fred', daemon, daemon, 'plain\n')
    const list = join(folder, 'list')
    writeFileSync(list, `${say('include')}\n:include:${folder}/inner\n`)
    chownSync(list, daemon, daemon)
    writeFileSync(join(folder, 'inner'), say('inner'))
    chownSync(join(folder, 'inner'), games, games)
    writeFileSync(join(folder, 'aliases'), `list: :include:${list}\nplain: ${say('alias')}\n`)
    const site = await createSite(
      folder,
      `home_directory = ${folder}/home
alias_maps = hash:${folder}/aliases
allow_mail_to_commands = alias, forward, include
allow_mail_to_files = forward`,
    )
    const users = ['alice', 'bob', 'carl', 'dora', 'emil', 'fred']
    for (const name of users)
      assert.equal(
        (await command(site, ['user', 'add', `${name}@example.org`], { input: 'pw\npw\n' })).code,
        0,
      )
    const server = await startServer(site)
    await send(site, ...users, 'list')
    const said = async (name: string): Promise<string> => {
      const path = join(out, name)
      await eventually(() => assert.ok(existsSync(path), server.output()))
      const [uid, groups, login] = readFileSync(path, 'utf8').split('\n')
      return `${uid} ${groups} ${login}`
    }
    const rights = (name: string): string => `${idOf(name)} ${idOf(name, '-g')}`
    assert.equal(await said('alice'), `${rights('daemon')} daemon`)
    assert.equal(await said('bob'), `${rights('games')} games`)
    assert.equal(await said('carl'), `${rights('games')} games`)
    assert.equal(await said('dora'), `${rights('nobody')} dora`)
    assert.equal(await said('emil'), `${rights('nobody')} emil`)
    assert.equal(await said('alias'), `${rights('nobody')} fred`)
    assert.equal(await said('include'), `${rights('daemon')} daemon`)
    assert.equal(await said('inner'), `${rights('daemon')} daemon`)
    // The same words of two users are two deliveries.
    for (const uid of [daemon, games])
      await eventually(() => assert.ok(existsSync(join(out, `same.${uid}`)), server.output()))
    await eventually(() => assert.equal(statSync(join(out, 'mail')).uid, daemon))
    await server.says(
      /posthorn\/local\[\d+\]: \w+: to=<alice@example\.org>.* status=sent \(delivered to file: \//,
    )
    await server.says(/status=sent \(delivered to command: \(id -u; /)
    assert.match(readFileSync(join(out, `same.${games}`), 'utf8'), /^Delivered-To: bob@example\.org\r?$/m)
    assert.equal((await stopServer(server)).code, 0)
  })
})

test('an :include: file of somebody else is not served by a server that cannot become him', {
  skip,
}, async () => {
  await inFolder(async (folder) => {
    chmodSync(folder, 0o755)
    const out = join(folder, 'out')
    mkdirSync(out)
    chmodSync(out, 0o777)
    for (const [name, uid] of [
      ['his', idOf('daemon')],
      ['site', 0],
    ] as const) {
      writeFileSync(join(folder, name), `"|touch ${out}/${name}"\n`)
      chownSync(join(folder, name), uid, uid)
    }
    writeFileSync(join(folder, 'aliases'), `his: :include:${folder}/his\nsite: :include:${folder}/site\n`)
    const site = await createSite(
      folder,
      `mail_owner = nobody
default_privs = nobody
alias_maps = hash:${folder}/aliases
allow_mail_to_commands = include`,
    )
    const server = await startServer(site)
    await send(site, 'his', 'site')
    await server.says(
      /to=<his@example\.org>.*status=deferred \(cannot run a command: the server cannot become the owner/,
    )
    await eventually(() => assert.ok(existsSync(join(out, 'site')), server.output()))
    assert.equal(existsSync(join(out, 'his')), false)
    assert.equal((await stopServer(server)).code, 0)
  })
})
