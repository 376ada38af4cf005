import email.message, email.policy, email.utils, subprocess
m=email.message.EmailMessage(policy=email.policy.SMTP)
m['From']='Åse Þórsdóttir <harbour@example.org>'; m['To']='Jürgen <juergen@example.org>'; m['Subject']='Mooring fees of Sørvåg — next year'
m['Date']='Mon, 04 Mar 2024 10:00:00 +0100'; m['Message-ID']='<1@example.org>'
m.set_content('The harbour of Sørvåg opens at six o’clock.\n\nThe fees are attached.\n')
m.add_alternative('<html><body><p>HTML version of it</p></body></html>',subtype='html')
m.add_attachment(open('fees.csv','rb').read(),maintype='text',subtype='csv',filename='Gebühren.csv')
m.add_attachment(open('pandoc.docx','rb').read(),maintype='application',subtype='vnd.openxmlformats-officedocument.wordprocessingml.document',filename='handbook.docx')
open('python.eml','wb').write(m.as_bytes())
