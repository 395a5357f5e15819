"""Code as answers hold it, none of which loads anything."""

CODE = [
    "for (int i=0; i<n; i++)\n x = y/2; if (x > 3) { s = a/b; }",
    "for (let i = 0; i<items.length; i++) { total = items[i].price; }",
    "SELECT name FROM t WHERE a<b AND rate = 0.5 AND c > 1;",
    "if x<y and z == 0.5:\n    ratio = y/2",
    "If n<m and p=0.05 the test fails [1].",
    "mysql -u root <dump.sql && X=/tmp/y",
    "python - <script.py && LOG=/tmp/y",
    "cat <<EOF >out\nA=/b\nEOF",
    "for (auto i=0; i<m.size(); ++i) { std::map<int, x> y = m[i]/2; }",
    'Map<String, List<b>> c = f("a/b");',
    '<bean id="ds" class="org.h2.DataSource"/>',
    '<property name="path" value="/var/lib/x"/>',
    '<div class="md:flex" id="a.b">',
    '<server port="8080" host="localhost:8080"/>',
    '<project xmlns="https://kb.example.org/kb/1" version="1.0">',
]
