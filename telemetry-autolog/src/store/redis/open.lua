-- ARGV: the session if it is new, the holder, 1 if a person said it, the limit of sessions.
return {open(cjson.decode(ARGV[5]), ARGV[6], ARGV[7] == '1', tonumber(ARGV[8]))}
