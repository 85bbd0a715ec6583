package secret

import (
	_ "embed"
	"strings"
)

// leakedPasswords are the passwords that were found most often in leaks, one a line in lower case: those of at least 8 characters, and
// shorter ones that are words. They are the list of @zxcvbn-ts/language-common 4.1.3 (common-LICENSE.txt), without what no refusal needs.
//
//go:embed common.txt
var leakedPasswords string

// obviousPasswords are guesses that the leaks lack.
const obviousPasswords = `
!qaz2wsx#edc
100200300400
102938475610
111222333444
120120120120
121212121212
123123123123
1234!@#$qwer
1234abcd1234
123abc123abc
131313131313
135792468013
13579246810
141592653589
147258369147
147258369258
147852369147
159357159357
192837465019
192837465564
1a2b3c4d5e6f
1q2w3e4r5t6y7u
1qaz!qaz2wsx
1qaz@wsx3edc
246813579024
258456258456
271828182845
314159265358
3141592653589
696969696969
741852963741
741852963852
7777777777777
789456123789
963852741963
987654321987
a1234567890a
a123456789b123
a1b2c3d4e5f6
aa123456789a
aaa111bbb222
abc123abc123
abc123def456
abc123xyz789
abcd
abcd1234abcd1234
abcd1234efgh
abcdef
abcdefg
abcdefgh
abcdefghij
admin1234admin
admin123admin123
adminadmin
administrateur
adminpassword
alhamdulillah
apikey
asdf1234asdf
batterystaple
bestfriends
blink182blink182
blinkonefiveeighttwo
changemenow
changethis
companyname
contraseña
correcthorse
correcthorsebatterystaple
defaultpassword
development
dontforget
expelliarmus
foreverlove
fortnite
fuckyouasshole
gameofthrones
godblessme
guestguest
hakunamatata
happybirthday
happynewyear
harleydavidson
ihatepasswords
ilovemymom
iloveyoubaby
iloveyouforever
iloveyousomuch
jesuslovesme
letmeinplease
livelongandprosper
login
loginlogin
lordoftherings
loremipsum
loremipsumdolor
lovelylove
loveyouforever
manchesterunited
maytheforcebewithyou
merrychristmas
mongodb
mysecretpassword
mysql
ncc1701ncc1701
oldpassword
onedirection
opensaysme
openthedoor
p@$$w0rdp@$$w0rd
pass1234pass1234
passphrase
passw0rdpassw0rd
passwordispassword
postgres
q1q2q3q4q5q6
quickbrownfox
qwer!@#$1234
qwer1234qwer
qwertyqwerty
qwertz
qwertzuiop
redis
rememberme
roblox
rootpassword
rootroot
secretsecret
securepassword
sexsexsex
staging
strongpassword
superadmin
supersecret
superuser
test1234test1234
testpassword
testtesttest
thankyouverymuch
thepassword
thequickbrownfox
thequickbrownfoxjumps
thisisapassword
thisismypassword
tobeornottobe
toor
trustno1trustno1
userpassword
useruser
welcomeback
welcomehome
winteriscoming
worldofwarcraft
zaq!2wsxzaq1
zxcvbnm123456
`

// listed reports whether s, in lower case, is a common password as it stands.
func listed(s string) bool {
	line := "\n" + s + "\n"
	return strings.Contains(leakedPasswords, line) || strings.Contains(obviousPasswords, line)
}
