import type { CommandSurroundings } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

const made = new WeakMap<Config, CommandSurroundings>()

/** How commands are started. */
export function commandSurroundings(config: Config): CommandSurroundings {
  const found = made.get(config)
  if (found !== undefined) return found
  const { values, environment } = config
  const surroundings: CommandSurroundings = {
    directory: values.command_execution_directory,
    directoryFilter: values.execution_directory_expansion_filter,
    variableFilter: values.command_expansion_filter,
    shell: values.local_command_shell,
    environment: exported(values.export_environment, environment),
  }
  made.set(config, surroundings)
  return surroundings
}

/** `TZ`: as the server has it; `NAME=value`: as it stands. */
function exported(words: readonly string[], environment: Config['environment']): Record<string, string> {
  const pairs = words.map((word): readonly [string, string | undefined] => {
    const equals = word.indexOf('=')
    return equals === -1 ? [word, environment[word]] : [word.slice(0, equals), word.slice(equals + 1)]
  })
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined))
}
