"""Makes number_zones.csv and country_zones.csv: `python3 zones.py DIRECTORY`, with the package phonenumbers and tzdata's zone1970.tab."""
import sys
from collections import Counter
from datetime import datetime, timezone, timedelta
from zoneinfo import ZoneInfo
from phonenumbers.tzdata import TIMEZONE_DATA
def signature(zone):
    z = ZoneInfo(zone)
    return tuple(datetime(y, m, 15, tzinfo=timezone.utc).astimezone(z).utcoffset() for y in (2026, 2027) for m in range(1, 13))
table = {k: v for k, v in TIMEZONE_DATA.items() if len(k) <= (4 if k[0] == '1' else 7)}
used = Counter()
for k, v in TIMEZONE_DATA.items():
    if len(v) == 1: used[(k[:1] if k[0] in '17' else k[:2], v[0])] += 1
def merged(k, zones):
    area = k[:1] if k[0] in '17' else k[:2]
    zones = sorted(zones, key=lambda z: (-used[(area, z)], z))
    seen, out = set(), []
    for z in zones:
        s = signature(z)
        if s not in seen:
            seen.add(s); out.append(z)
    return out
rows = {k: merged(k, v) for k, v in table.items()}
def parent(k):
    return next((rows[k[:n]] for n in range(len(k) - 1, 0, -1) if k[:n] in rows), None)
# Mobiles of Australia, Indonesia and Russia do not tell where they are: the table gives them to one city.
WITHOUT = {'614', '628', '79'}
kept = {k: v for k, v in rows.items() if parent(k) != v and k not in WITHOUT}
out = sys.argv[1]
with open(f'{out}/number_zones.csv', 'w') as f:
    f.write('# time zones of the people behind a number, by its longest prefix; those of most numbers first; zones with the same hours are named once; from the time zone table of libphonenumber (Apache-2.0), without 614, 628 and 79: mobiles of Australia, Indonesia and Russia do not tell where they are\n')
    f.write('prefix,zones\n')
    for k in sorted(kept): f.write(f'{k},{" ".join(kept[k])}\n')
countries = {}
for line in open('/usr/share/zoneinfo/zone1970.tab'):
    if line.startswith('#'): continue
    codes, _, zone = line.rstrip('\n').split('\t')[:3]
    for c in codes.split(','): countries.setdefault(c, []).append(zone)
with open(f'{out}/country_zones.csv', 'w') as f:
    f.write('# time zones of a country, the one of most people first; for people who are known by an id and a country alone; zones with the same hours are named once; from zone1970.tab of the time zone database (public domain)\n')
    f.write('iso2,zones\n')
    for c in sorted(countries):
        seen, o = set(), []
        for z in countries[c]:
            s = signature(z)
            if s not in seen: seen.add(s); o.append(z)
        f.write(f'{c},{" ".join(o)}\n')
print(len(kept), len(countries), max(map(len, kept.values())))
