import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { readOauthFile } from '../../services/oauth-file.ts'
import { parseSourceWord, type SourceWord } from '../../services/source-word.ts'
import { errorCode, StartError } from '../../start-error.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Are those that check passwords, and know users, there and open to us? */
export function* examineLogins(config: Config): Generator<Finding> {
  for (const parameter of ['passdb', 'userdb'] as const) {
    for (const word of config.values[parameter]) {
      const source = readWord(word, parameter)
      if (source === undefined || source.kind === 'store') continue
      const path = isAbsolute(source.path) ? source.path : join(config.folder, source.path)
      yield source.kind === 'saslauthd' ? examineSocket(path) : examineFile(parameter, path, source.kind)
      if (source.kind === 'oauth2') yield* examineTokens(path)
    }
  }
}

/** What is wrong with the word itself is told as a fault of the configuration. */
function readWord(word: string, parameter: 'passdb' | 'userdb'): SourceWord | undefined {
  try {
    return parseSourceWord(word, parameter)
  } catch {
    return undefined
  }
}

function examineSocket(path: string): Finding {
  const remedy =
    'start saslauthd (Debian: sasl2-bin, START=yes in /etc/default/saslauthd), and `adduser posthorn sasl`: its folder is open to that group alone'
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return ok('passdb', `saslauthd at ${path}`)
  } catch (error) {
    return fail('passdb', `saslauthd at ${path}: ${errorCode(error)}`, remedy)
  }
}

function examineFile(parameter: string, path: string, kind: 'passwd' | 'passwd-file' | 'oauth2'): Finding {
  try {
    accessSync(path, constants.R_OK)
    const mode = statSync(path).mode & 0o7777
    if (kind !== 'oauth2' && (mode & 0o022) !== 0)
      return fail(
        parameter,
        `${path}: group or others may write it (mode ${mode.toString(8)}): it is not read`,
        `chmod go-w ${path}`,
      )
    if (kind !== 'passwd' && (mode & 0o004) !== 0)
      return warn(
        parameter,
        `${path}: others may read the ${kind === 'oauth2' ? 'secret' : 'hashes'} in it (mode ${mode.toString(8)})`,
        `chmod o-r ${path}`,
      )
    return ok(parameter, path)
  } catch (error) {
    return fail(parameter, `${path}: ${errorCode(error)}`, 'name a file that the server may read')
  }
}

function* examineTokens(path: string): Generator<Finding> {
  try {
    const { tokeninfoUrl, introspectionUrl } = readOauthFile(path)
    for (const address of [tokeninfoUrl, introspectionUrl].filter((one) => one !== '')) {
      const { protocol, host, hostname } = new URL(address)
      if (protocol === 'http:' && !/^(?:127\.[\d.]+|\[::1\]|localhost)$/.test(hostname))
        yield warn('passdb', `${path}: tokens go to ${host} in the clear`, 'name it by https:')
    }
  } catch (error) {
    if (error instanceof StartError) yield fail('passdb', error.message, error.remedy)
  }
}
