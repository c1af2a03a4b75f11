import type { CommandSurroundings } from '@posthorn/mta'
import { chosenEnvironment } from '../config/chosen-environment.ts'
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
    environment: chosenEnvironment(values.export_environment, environment),
  }
  made.set(config, surroundings)
  return surroundings
}
