import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { createLocalUsers } from './local-user.ts'

const users = createLocalUsers()
const reasonOf = (name: string): string => {
  const user = users(name)
  return user.kind === 'none' ? user.reason : user.kind
}

test('pipe(8): user=name:group, with the group of that name', {
  skip: process.getuid?.() !== 0 && 'only root becomes others',
}, () => {
  const id = (what: string) => Number(execFileSync('id', [what, 'nobody']).toString())
  const group = execFileSync('getent', ['group', 'mail']).toString().split(':')[2]
  const plain = users('nobody')
  assert.ok(plain.kind === 'other')
  assert.deepEqual([plain.uid, plain.gid], [id('-u'), id('-g')])
  const grouped = users('nobody:mail')
  assert.ok(grouped.kind === 'other')
  assert.deepEqual([grouped.uid, grouped.gid], [id('-u'), Number(group)])
  assert.match(reasonOf('nobody:root'), /^root is root's group/)
})

test('user= of pipe: what cannot be is told', () => {
  assert.match(reasonOf('no-such-user'), /^no-such-user: no such user/)
  assert.match(reasonOf('nobody:no-such-group'), /^no-such-group: no such group/)
  assert.match(reasonOf('root:mail'), /^root is root /)
  const { username, uid } = userInfo()
  if (uid !== 0) assert.equal(reasonOf(username), 'self')
})
