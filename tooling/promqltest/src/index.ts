export { runScript, SCRIPT_FEATURES, type ScriptFailure, type ScriptOptions, type ScriptReport } from './run.ts'
export { parseScript, ScriptError, type Command } from './script.ts'
